-- Everything that is stored about one person ($1: the Discord id), by kind, each a list of rows; $2 is
-- how uses of theirs are counted. Rows are as they are stored, so that a new column is there by itself;
-- what is taken out of them is sealed, or an id of ours or of somebody else.
SELECT jsonb_build_object(
    'settings', (
        SELECT jsonb_agg(to_jsonb(u) - '{user_id,row_version}'::text[])
        FROM users u WHERE u.user_id = who.me),
    'memories', (
        SELECT jsonb_agg(jsonb_build_object(
            'id', m.personal_memory_id,
            'scope', CASE m.persona_lineage_id WHEN 0 THEN 'global' ELSE 'persona' END,
            -- As it is called where the person has been: other servers may have it, too.
            'persona', (SELECT min(p.nickname) FROM personas p
                        WHERE p.persona_lineage_id = m.persona_lineage_id
                          AND (p.server_id = who.direct
                               OR EXISTS (SELECT FROM turns t WHERE t.server_id = p.server_id
                                          AND t.responsible_disc_id = $1::text)
                               OR EXISTS (SELECT FROM server_memories o
                                          WHERE o.server_id = p.server_id AND o.created_by = who.me))),
            'text', m.content, 'origin', m.origin, 'origin_message_id', m.origin_message_id,
            'created_at', m.created_at, 'updated_at', m.updated_at) ORDER BY m.personal_memory_id)
        FROM personal_memories m WHERE m.user_id = who.me),
    'server_contributions', (
        SELECT jsonb_agg(jsonb_build_object(
            'server', s.server_disc_id, 'server_name', s.display_name, 'text', m.content,
            'added_by_you', COALESCE(m.created_by = who.me, false),
            'about_you', COALESCE(m.subject_user_disc_id = $1::text, false),
            'origin', m.origin,
            'created_at', m.created_at, 'updated_at', m.updated_at) ORDER BY m.server_memory_id)
        FROM server_memories m JOIN servers s ON s.server_id = m.server_id
        WHERE m.created_by = who.me OR m.subject_user_disc_id = $1::text),
    'provider_keys', (
        SELECT jsonb_agg(to_jsonb(k) - '{user_provider_key_id,user_id,api_key,key_version,key_form,row_version,generation}'::text[]
            ORDER BY k.user_provider_key_id)
        FROM user_provider_keys k WHERE k.user_id = who.me),
    'endpoints', (
        SELECT jsonb_agg(to_jsonb(e) - '{endpoint_id,user_id,server_id,auth_token,key_version,key_form,row_version}'::text[]
            ORDER BY e.endpoint_id)
        FROM custom_endpoints e WHERE e.user_id = who.me),
    'models', (
        SELECT jsonb_agg(to_jsonb(f) - '{fallback_id,user_id,server_id,row_version}'::text[]
            ORDER BY f.position)
        FROM fallback_models f WHERE f.user_id = who.me),
    'turns', (
        SELECT jsonb_agg(
            to_jsonb(t) - '{server_id,persona_id,partition,worker_id,fence,responsible_disc_id}'::text[]
            || jsonb_build_object(
                'server', s.server_disc_id,
                'persona', (SELECT p.nickname FROM personas p WHERE p.persona_id = t.persona_id),
                'posts', (
                    SELECT jsonb_agg(jsonb_build_object('message_id', p.message_id, 'state', p.state,
                        'created_at', p.created_at) ORDER BY p.ordinal)
                    FROM turn_posts p WHERE p.turn_id = t.turn_id),
                'tools', (
                    SELECT jsonb_agg(jsonb_build_object('tool', u.tool, 'state', u.state,
                        'created_at', u.created_at) ORDER BY u.step, u.ordinal)
                    FROM turn_steps u WHERE u.turn_id = t.turn_id),
                'calls', (
                    SELECT jsonb_agg(
                        to_jsonb(a) - '{turn_id,server_id,rotation_key_id,created_at}'::text[]
                        ORDER BY a.step, a.attempt)
                    FROM turn_attempts a WHERE a.turn_id = t.turn_id))
            ORDER BY t.admission_order)
        FROM turns t JOIN servers s ON s.server_id = t.server_id
        WHERE t.responsible_disc_id = $1::text),
    'decisions', (
        SELECT jsonb_agg(to_jsonb(d) - '{decision_id,user_disc_id}'::text[] ORDER BY d.decision_id)
        FROM turn_decisions d WHERE d.user_disc_id = $1::text OR d.guild_disc_id = $1::text),
    'restrictions', (
        SELECT jsonb_agg(r.line ORDER BY r.line ->> 'created_at') FROM (
            SELECT jsonb_build_object('kind', 'blacklist', 'server', s.server_disc_id,
                'created_at', b.created_at) AS line
            FROM personalization_blacklist b JOIN servers s ON s.server_id = b.server_id
            WHERE b.user_disc_id = $1::text
            UNION ALL
            SELECT jsonb_build_object('kind', 'blacklist_of_somebody_by_you',
                'server', s.server_disc_id, 'created_at', b.created_at)
            FROM personalization_blacklist b JOIN servers s ON s.server_id = b.server_id
            WHERE b.added_by = $1::text AND b.user_disc_id <> $1::text
            UNION ALL
            SELECT jsonb_build_object('kind', b.block_type, 'server', s.server_disc_id,
                'persona', p.nickname, 'reason', b.reason, 'decided_by', b.created_by,
                'created_at', b.created_at, 'expires_at', b.expires_at)
            FROM persona_user_blocks b JOIN servers s ON s.server_id = b.server_id
            JOIN personas p ON p.persona_id = b.persona_id
            WHERE b.user_disc_id = $1::text) r),
    'answers_used', (
        SELECT jsonb_agg(to_jsonb(q) - '{server_id,user_disc_id}'::text[]
            || jsonb_build_object('server', s.server_disc_id) ORDER BY q.window_start)
        FROM generation_quotas q JOIN servers s ON s.server_id = q.server_id
        WHERE q.user_disc_id = $1::text),
    'answers_counted', (
        SELECT jsonb_agg(to_jsonb(r) - '{server_id,user_disc_id}'::text[] ORDER BY r.created_at)
        FROM quota_reservations r WHERE r.user_disc_id = $1::text),
    'rests', (
        SELECT jsonb_agg(to_jsonb(c) - '{user_disc_id,taken_for}'::text[] ORDER BY c.expires_at)
        FROM cooldowns c WHERE c.user_disc_id = $1::text),
    -- Without what this export itself counts, and of people about whom something is stored: after a
    -- deletion the number is nobody's.
    'usage', (
        SELECT jsonb_agg(to_jsonb(q) - '{scope_kind,scope_disc_id}'::text[] ORDER BY q.operation)
        FROM operation_quotas q
        WHERE q.scope_kind = 'user' AND who.me IS NOT NULL
          AND q.scope_disc_id IN ($1::text, $2::text)
          AND q.operation <> 'data_export'),
    -- The direct messages with the bot are a server of the person's own.
    'direct_messages', (
        SELECT jsonb_agg(to_jsonb(s) - '{server_id,row_version,settings_version}'::text[]
            || jsonb_build_object(
                'model_settings', (
                    SELECT to_jsonb(c) - '{server_id,api_key,key_version,key_form,row_version}'::text[]
                    FROM server_model_configs c WHERE c.server_id = who.direct),
                'chat_settings', (
                    SELECT to_jsonb(c) - '{server_id,row_version}'::text[]
                    FROM server_chat_configs c WHERE c.server_id = who.direct),
                'answer_settings', (
                    SELECT to_jsonb(c) - '{server_id,row_version}'::text[]
                    FROM server_trigger_configs c WHERE c.server_id = who.direct),
                'personas', (
                    SELECT jsonb_agg(
                        (COALESCE(to_jsonb(c), '{}') || to_jsonb(p))
                        - '{server_id,persona_id,persona_lineage_id,row_version}'::text[]
                        ORDER BY p.position)
                    FROM personas p LEFT JOIN persona_configs c ON c.persona_id = p.persona_id
                    WHERE p.server_id = who.direct),
                'memories', (
                    SELECT jsonb_agg(m.content ORDER BY m.server_memory_id)
                    FROM server_memories m WHERE m.server_id = who.direct),
                'provider_keys', (
                    SELECT jsonb_agg(to_jsonb(k) - '{rotation_key_id,server_id,api_key,key_version,key_form,row_version,generation}'::text[]
                        ORDER BY k.rotation_key_id)
                    FROM api_key_rotation k WHERE k.server_id = who.direct),
                'service_keys', (
                    SELECT jsonb_agg(to_jsonb(k) - '{opt_api_key_id,server_id,api_key,key_version,key_form,row_version}'::text[]
                        ORDER BY k.opt_api_key_id)
                    FROM opt_api_keys k WHERE k.server_id = who.direct),
                'endpoints', (
                    SELECT jsonb_agg(to_jsonb(e) - '{endpoint_id,user_id,server_id,auth_token,key_version,key_form,row_version}'::text[]
                        ORDER BY e.endpoint_id)
                    FROM custom_endpoints e WHERE e.server_id = who.direct),
                'tool_servers', (
                    SELECT jsonb_agg((to_jsonb(t) - '{guild_mcp_id,server_id,auth_token,key_version,key_form,row_version}'::text[])
                        || jsonb_build_object('approved', (
                            SELECT jsonb_agg(a.tool_name ORDER BY a.tool_name)
                            FROM guild_mcp_tools a WHERE a.guild_mcp_id = t.guild_mcp_id))
                        ORDER BY t.guild_mcp_id)
                    FROM guild_mcp_servers t WHERE t.server_id = who.direct),
                'channel_models', (
                    SELECT jsonb_agg(to_jsonb(c) - '{server_id,row_version}'::text[])
                    FROM channel_model_overrides c WHERE c.server_id = who.direct),
                'models', (
                    SELECT jsonb_agg(to_jsonb(f) - '{fallback_id,user_id,server_id,row_version}'::text[]
                        ORDER BY f.position)
                    FROM fallback_models f WHERE f.server_id = who.direct),
                'channels', (
                    SELECT jsonb_agg(to_jsonb(c) - '{server_id,row_version}'::text[])
                    FROM channel_state c WHERE c.server_id = who.direct)))
        FROM servers s WHERE s.server_id = who.direct)
) AS "parts!", now() AS "made_at!"
FROM (SELECT
    (SELECT u.user_id FROM users u WHERE u.user_disc_id = $1::text) AS me,
    (SELECT s.server_id FROM servers s
     WHERE s.server_disc_id = $1::text AND s.is_dm_channel) AS direct) who
