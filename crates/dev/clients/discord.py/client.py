"""A bot on discord.py that does what bots do and checks what it sees; `./dev test --clients` starts it.

Each line that it prints names the step that begins; SANDBOX and TOKEN say where the sandbox is.
"""

import asyncio
import base64
import io
import json
import os
import sys
import traceback
import urllib.request
from contextlib import asynccontextmanager

import aiohttp
import discord
import yarl
from discord import app_commands, ui

SANDBOX, TOKEN = os.environ["SANDBOX"], os.environ["TOKEN"]
LONGEST = 15  # Seconds that anything which must happen may take.

# The library has two addresses: one of the interface, and one of the gateway, which the first tells.
discord.http.Route.BASE = f"{SANDBOX}/api/v10"
asked = urllib.request.Request(f"{discord.http.Route.BASE}/gateway/bot", headers={"Authorization": f"Bot {TOKEN}"})
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(json.load(urllib.request.urlopen(asked))["url"])

intents = discord.Intents(
    guilds=True, messages=True, message_content=True, reactions=True, typing=True, webhooks=True, emojis=True
)
client = discord.Client(intents=intents)
tree = app_commands.CommandTree(client)


async def admin(method, path, body=None):
    """Calls one of the sandbox's own routes: what people do."""
    async with aiohttp.ClientSession() as session:
        async with session.request(method, f"{SANDBOX}/sandbox{path}", data=json.dumps(body)) as answer:
            shown = await answer.json()
            assert answer.ok, (method, path, shown)
            return shown


async def say(content, **more):
    return await admin("POST", "/messages", {"content": content, **more})


async def use(**body):
    started = await admin("POST", "/interactions", body)
    seen = await admin("GET", f"/interactions/{started['id']}?wait_ms={LONGEST * 1000}")
    assert seen["state"] == "answered", seen
    return started["id"], seen


@asynccontextmanager
async def event(name, fits=lambda *_: True):
    """Waits at its end for the next event of that name that fits; yields a list that it will be in."""
    waiting = asyncio.ensure_future(client.wait_for(name, check=fits, timeout=LONGEST))
    await asyncio.sleep(0)  # Lets it listen before what causes the event.
    seen = []
    yield seen
    try:
        seen.append(await waiting)
    except asyncio.TimeoutError:
        raise AssertionError(f"no {name}") from None


def message(content):
    return event("message", lambda said: said.content == content)


@asynccontextmanager
async def refused(code):
    try:
        yield
    except discord.HTTPException as error:
        assert error.code == code, error
    else:
        raise AssertionError(f"not refused with {code}")


class Scene:
    """Where it happens; each method is a step."""

    async def login(self):
        await asyncio.wait_for(client.wait_until_ready(), LONGEST)
        self.guild = client.guilds[0]
        self.channel = discord.utils.get(self.guild.text_channels, name="general")
        assert self.channel.permissions_for(self.guild.me).send_messages
        assert (await self.guild.fetch_member(client.user.id)).id == client.user.id

    async def chat(self):
        async with message("hello bot") as heard:
            await say("hello bot", user="bob")
        self.said = heard[0]
        assert (self.said.author.name, self.said.guild) == ("bob", self.guild)
        async with event("typing", lambda _, user, __: user == client.user):
            async with self.channel.typing():
                pass
        reply = await self.said.reply("hello person", embed=discord.Embed(title="tea", description="hot"))
        assert reply.reference.message_id == self.said.id
        assert (await reply.edit(content="hello again")).content == "hello again"
        history = [said.id async for said in self.channel.history(limit=2)]
        assert history == [reply.id, self.said.id]
        async with event("message_delete", lambda gone: gone.id == reply.id):
            await reply.delete()

    async def changes(self):
        said = await say("I changed my mind", user="bob")
        path = f"/channels/{self.channel.id}/messages/{said['id']}"
        async with event("message_edit", lambda _, after: after.content == "I did not"):
            await admin("PATCH", path, {"content": "I did not"})
        async with event("message_delete", lambda gone: gone.id == int(said["id"])):
            await admin("DELETE", path)

    async def refusals(self):
        async with refused(10_008):
            await self.channel.fetch_message(1)
        async with refused(50_006):
            await self.channel.send(" ")
        async with refused(50_005):
            await self.said.edit(content="not mine")
        async with refused(50_013):
            await self.guild.create_role(name="none")

    async def attachments(self):
        sent = await self.channel.send("a file", file=discord.File(io.BytesIO(b"tea"), "a.txt", description="a cup"))
        own = sent.attachments[0]
        assert (own.filename, own.size, own.description) == ("a.txt", 3, "a cup")
        assert await own.read() == b"tea"
        data = base64.b64encode(b"milk").decode()
        async with message("mine") as heard:
            await say("mine", attachments=[{"name": "b.txt", "content_type": "text/plain", "data": data}])
        assert await heard[0].attachments[0].read() == b"milk"

    async def reactions(self):
        async with event("reaction_add") as added:
            await self.said.add_reaction("✅")
        assert added[0][0].emoji == "✅"
        fresh = await self.channel.fetch_message(self.said.id)
        assert fresh.reactions[0].me
        assert [user async for user in fresh.reactions[0].users()] == [client.user]
        async with event("reaction_remove"):
            await fresh.remove_reaction("✅", client.user)
        await fresh.add_reaction(self.guild.emojis[0])
        async with event("reaction_clear"):
            await fresh.clear_reactions()

    async def threads(self):
        async with event("thread_create"):
            thread = await self.said.create_thread(name="talk", auto_archive_duration=60)
        assert thread.parent == self.channel
        async with message("inside") as heard:
            await say("inside", user="bob", channel_id=str(thread.id))
        assert heard[0].channel == thread
        await thread.send("me too")
        assert thread in await self.guild.active_threads()
        async with event("thread_update", lambda _, after: after.archived):
            await thread.edit(archived=True)
        assert thread.id in [known.id async for known in self.channel.archived_threads()]
        async with event("raw_thread_update", lambda update: not update.data["thread_metadata"]["archived"]):
            await thread.send("awake")
        async with event("raw_thread_delete"):
            await thread.delete()

    async def webhooks(self):
        hook = await self.channel.create_webhook(name="hook")
        assert hook in await self.channel.webhooks()
        async with message("as Mio") as heard:
            spoken = await hook.send("as Mio", username="Mio", wait=True)
        assert (heard[0].webhook_id, heard[0].author.name) == (hook.id, "Mio")
        assert (await spoken.edit(content="as Rin")).content == "as Rin"
        await spoken.delete()
        await hook.delete()
        async with refused(10_015):
            await hook.send("gone")

    async def direct(self):
        bob = await client.fetch_user(self.said.author.id)
        sent = await bob.send("only for you")
        async with message("and for you") as heard:
            await say("and for you", user="bob", dm=True)
        assert heard[0].channel.id == sent.channel.id
        await admin("POST", "/rights", {"user": "bob", "refuses_direct": True})
        async with refused(50_007):
            await bob.send("still there?")

    async def commands(self):
        assert sorted(known.name for known in await tree.sync()) == ["panel", "pour"]
        typed = {"name": "what", "value": "gr"}
        _, offered = await use(invoke={"name": "pour", "options": [typed], "focused": "what"})
        assert offered["choices"][0]["value"] == "green"
        poured, _ = await use(user="bob", command="/pour what:green cups:2 for:bob")
        await asyncio.wait_for(told.wait(), LONGEST)
        seen = (await admin("GET", f"/interactions/{poured}"))["message"]
        assert seen["content"] == "2 cups of green for bob"
        assert seen["interaction_metadata"]["user"]["username"] == "bob"

    async def components(self):
        _, seen = await use(command="/panel")
        panel = seen["message"]["id"]
        _, seen = await use(component={"message_id": panel, "custom_id": "choose", "values": ["milk"]})
        assert seen["message"]["content"] == "milk it is"
        press, seen = await use(component={"message_id": panel, "custom_id": "open"})
        assert seen["modal"]["title"] == "Order"
        token, (field,) = seen["token"], seen["modal"]["components"]
        name = field["components"][0]["custom_id"]
        _, seen = await use(form={"interaction_id": press, "fields": {name: "Mio"}})
        assert seen["message"]["content"] == "milk for Mio"
        twice = discord.http.Route("POST", f"/interactions/{press}/{token}/callback")
        async with refused(40_060):
            await client.http.request(twice, json={"type": 6})

    async def resume(self):
        for action in ["drop", "reconnect"]:
            async with event("resumed"), message(f"while you were away: {action}"):
                await admin("POST", "/gateway", {"action": action})
                await say(f"while you were away: {action}")
        async with event("ready"):
            await admin("POST", "/gateway", {"action": "invalidate", "resumable": False})


told = asyncio.Event()  # Whatever the command says was said.


@tree.command(description="pours something")
@app_commands.describe(what="what it is", cups="how many")
@app_commands.rename(whom="for")
async def pour(interaction, what: str, cups: app_commands.Range[int, 1, 9] = 1, whom: discord.User = None):
    await interaction.response.defer()
    more = await interaction.followup.send("in place of the promise", wait=True)
    await interaction.edit_original_response(content=f"{cups} cups of {what} for {whom.name}")
    assert (await interaction.original_response()).id == more.id
    more = await interaction.followup.send("only you know", ephemeral=True, wait=True)
    assert more.flags.ephemeral
    await more.delete()
    told.set()


@pour.autocomplete("what")
async def offer(_, typed):
    assert typed == "gr"
    return [app_commands.Choice(name="green tea", value="green")]


class Panel(ui.View):
    @ui.select(custom_id="choose", options=[discord.SelectOption(label="tea"), discord.SelectOption(label="milk")])
    async def choose(self, interaction, select):
        await interaction.response.defer()
        await interaction.edit_original_response(content=f"{select.values[0]} it is")

    @ui.button(custom_id="open", label="Open")
    async def open(self, interaction, _):
        await interaction.response.send_modal(Order())


class Order(ui.Modal, title="Order"):
    name = ui.TextInput(label="Name")

    async def on_submit(self, interaction):
        await interaction.response.edit_message(content=f"milk for {self.name.value}", view=None)


@tree.command(description="shows a panel")
async def panel(interaction):
    await interaction.response.send_message("choose", view=Panel(), ephemeral=True)


async def main():
    scene = Scene()
    steps = [value for name, value in vars(Scene).items() if not name.startswith("_")]
    async with client:
        running = asyncio.create_task(client.start(TOKEN))
        for step in steps:
            print(step.__name__, flush=True)
            doing = asyncio.ensure_future(step(scene))
            await asyncio.wait([doing, running], return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                doing.cancel()
                running.result()
            doing.result()


discord.utils.setup_logging(level=40)  # What goes wrong in a handler is logged and nothing more.
try:
    asyncio.run(main())
except Exception:
    traceback.print_exc()
    sys.exit(1)
