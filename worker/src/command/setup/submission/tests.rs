use proptest::prelude::*;
use proto::event::Interaction;
use secrecy::ExposeSecret;

use super::*;
use crate::command::form::KEY_FIELD;

fn submission(key: &str, model: &str) -> Submission {
    let field = |custom_id: &str, value: &str| FormField {
        custom_id: custom_id.into(),
        values: vec![value.into()],
    };
    let choice = Choice {
        mode: Mode::First,
        provider: Provider::OpenAi,
    };
    let fields = vec![field(MODEL_FIELD, model), field(KEY_FIELD, key)];
    Submission::new(Asker::of(&Interaction::default()), choice, fields)
}

#[test]
fn blanks_around_key_and_model_are_not_theirs() {
    let submission = submission("  sk-0123456789\n", " gpt-x ");
    assert_eq!(submission.key.expose_secret(), "sk-0123456789");
    assert_eq!(submission.well_formed(), Ok("gpt-x"));
}

/// CMD-84.
#[test]
fn an_empty_model_is_the_providers_default() {
    let submission = submission("sk-0123456789", "");
    assert_eq!(
        submission.well_formed(),
        Ok(Provider::OpenAi.default_model())
    );
}

/// CMD-84.
#[test]
fn what_cannot_be_a_key_is_refused() {
    let malformed = Err(Notice::Form(FormText::KeyMalformed));
    for key in [
        "",
        "short",
        "two words here",
        "schlüssel-0123",
        &"x".repeat(513),
    ] {
        assert_eq!(submission(key, "").well_formed(), malformed);
    }
}

#[test]
fn what_cannot_be_a_model_is_refused() {
    let malformed = Err(Notice::Form(FormText::ModelMalformed));
    for model in ["two words", "a`b", "モデル", &"x".repeat(129)] {
        assert_eq!(submission("sk-0123456789", model).well_formed(), malformed);
    }
}

#[test]
fn a_form_without_fields_is_refused() {
    let choice = Choice {
        mode: Mode::First,
        provider: Provider::OpenAi,
    };
    let empty = Submission::new(Asker::of(&Interaction::default()), choice, Vec::new());
    assert_eq!(
        empty.well_formed(),
        Err(Notice::Form(FormText::KeyMalformed))
    );
}

#[test]
fn every_choice_is_read_back_and_fits_into_an_id() {
    for provider in Provider::ALL {
        for mode in [Mode::First, Mode::Replace] {
            let choice = Choice { mode, provider };
            let args = choice.to_args();
            assert!(args.len() <= crate::command::component::MAX_ARGS_BYTES);
            assert_eq!(Choice::from_args(&args), Some(choice));
        }
    }
}

proptest! {
    #[test]
    fn garbage_is_no_choice(args in proptest::collection::vec(any::<u8>(), 0..27)) {
        // Any bytes are read without a panic, and what is read is written back the same.
        if let Some(choice) = Choice::from_args(&args) {
            prop_assert_eq!(choice.to_args(), args);
        }
    }
}
