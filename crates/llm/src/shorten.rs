//! The same question to another model, or with less of its conversation.

use crate::prompt::Prompt;
use crate::provider::Provider;

/// What is left of a prompt that was too long: 30 % less (POOL-20).
const KEPT_PER_CENT: usize = 70;
/// What a model is told in the place of what it cannot see.
const UNSEEN: &str = "\n[you cannot see the images]";

impl Prompt {
    /// Returns the same question to a model.
    #[must_use]
    pub fn to_model(&self, provider: Provider, model: &str) -> Self {
        Self {
            provider,
            model: model.to_owned(),
            ..self.clone()
        }
    }

    /// Tells whether anything is shown with it.
    pub fn has_images(&self) -> bool {
        self.turns.iter().any(|turn| !turn.images.is_empty())
    }

    /// Returns the same question for a model that cannot see; where something was shown, the text
    /// says so.
    #[must_use]
    pub fn without_images(&self) -> Self {
        let mut blind = self.clone();
        for turn in &mut blind.turns {
            if !turn.images.is_empty() {
                turn.images.clear();
                turn.text.push_str(UNSEEN);
            }
        }
        blind
    }

    /// Returns the question with 30 % less text, without the oldest of its conversation. What was
    /// said last is kept whole, and so is what tools answered in this very reply, so that less may
    /// be left out where there is nothing else to leave out.
    #[must_use]
    pub fn shortened(&self) -> Self {
        let mut shorter = self.clone();
        let size = self.size_bytes();
        let mut excess = size - size * KEPT_PER_CENT / 100;
        while excess > 0 && shorter.turns.len() > 1 {
            let Some(oldest) = shorter.turns.first_mut() else {
                break;
            };
            if oldest.text.len() > excess {
                oldest.text = without_beginning(&oldest.text, excess);
                break;
            }
            excess -= oldest.text.len();
            shorter.turns.remove(0);
        }
        shorter
    }

    /// The text of the question in bytes, as far as it differs from one to the next.
    fn size_bytes(&self) -> usize {
        let said = self.turns.iter().map(|turn| turn.text.len());
        let steps = self.tools.steps.iter().map(|step| {
            let results = step.uses.iter().map(|used| used.result.len());
            step.said.len() + results.sum::<usize>()
        });
        self.system.len() + said.sum::<usize>() + steps.sum::<usize>()
    }
}

/// Leaves out at least so many bytes, up to the end of a line where one is near.
fn without_beginning(text: &str, bytes: usize) -> String {
    let cut = text.ceil_char_boundary(bytes);
    let rest = text.get(cut..).unwrap_or_default();
    let line = rest.split_once('\n').map(|(_, lines)| lines);
    line.filter(|lines| !lines.is_empty())
        .unwrap_or(rest)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::{Image, Role, Turn};
    use crate::tools::Tools;

    fn prompt(system: &str, said: &[&str]) -> Prompt {
        let turn = |text: &&str| Turn {
            role: Role::User,
            text: (*text).to_owned(),
            images: Vec::new(),
        };
        Prompt {
            provider: Provider::OpenAi,
            model: "small".to_owned(),
            system: system.to_owned(),
            turns: said.iter().map(turn).collect(),
            max_output_tokens: None,
            temperature: 1.0,
            tools: Tools::default(),
            continue_from: None,
        }
    }

    fn said(prompt: &Prompt) -> Vec<&str> {
        prompt.turns.iter().map(|turn| turn.text.as_str()).collect()
    }

    /// POOL-20.
    #[test]
    fn a_third_less_is_cut_from_the_oldest_end() {
        let ten = ["0123456789"; 10];
        let shorter = prompt("", &ten).shortened();
        assert_eq!(said(&shorter), ["0123456789"; 7]);
        let system = "s".repeat(100);
        let shorter = prompt(&system, &ten).shortened();
        assert_eq!(said(&shorter), ["0123456789"; 4], "the instructions count");
    }

    #[test]
    fn a_long_turn_loses_its_first_lines() {
        let long = format!("{}\n{}\n{}", "a".repeat(40), "b".repeat(40), "c".repeat(40));
        let shorter = prompt("", &[&long, "the last"]).shortened();
        let kept = format!("{}\n{}", "b".repeat(40), "c".repeat(40));
        assert_eq!(said(&shorter), [&*kept, "the last"]);
        let no_lines = "ö".repeat(60);
        let shorter = prompt("", &[&no_lines, "the last"]).shortened();
        assert!(shorter.turns[0].text.len() < 90, "{shorter:?}");
    }

    #[test]
    fn the_last_words_are_kept_whole() {
        let long = "x".repeat(1_000);
        let shorter = prompt("", &["first", &long]).shortened();
        assert_eq!(said(&shorter), [&*long]);
        assert_eq!(said(&shorter.shortened()), [&*long]);
    }

    /// CHAT-64.
    #[test]
    fn a_model_that_cannot_see_is_told_so() {
        let mut asked = prompt("", &["before", "look: [image 1: cat.png]"]);
        assert!(!asked.has_images());
        asked.turns[1].images.push(Image {
            media_type: "image/png",
            bytes: vec![1; 9].into(),
        });
        let blind = asked.without_images();
        assert!(asked.has_images() && !blind.has_images());
        let expected = "look: [image 1: cat.png]\n[you cannot see the images]";
        assert_eq!(said(&blind), ["before", expected]);
    }

    #[test]
    fn another_model_is_asked_the_same() {
        let asked = prompt("be kind", &["hello"]);
        let other = asked.to_model(Provider::Zai, "glm");
        assert_eq!(
            (other.provider, other.model.as_str()),
            (Provider::Zai, "glm")
        );
        assert_eq!((other.system, other.turns), (asked.system, asked.turns));
    }
}
