//! Vectors of texts: deterministic, and near each other when the texts share words and letters.

use xxhash_rust::xxh3::xxh3_64;

/// Letters that are looked at together.
const LETTERS: usize = 3;
/// What a whole word counts for, compared with a group of letters.
const WORD_WEIGHT: f32 = 2.0;

/// Returns the vector of a text, of length 1.
pub(super) fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let mut vector = vec![0.0; dimensions.max(1)];
    let text = text.to_lowercase();
    for word in text.split(|letter: char| !letter.is_alphanumeric()) {
        if word.is_empty() {
            continue;
        }
        add(&mut vector, word, WORD_WEIGHT);
        let letters: Vec<char> = format!(" {word} ").chars().collect();
        for group in letters.windows(LETTERS) {
            add(&mut vector, &group.iter().collect::<String>(), 1.0);
        }
    }
    if vector.iter().all(|value| *value == 0.0) {
        add(&mut vector, &text, 1.0);
    }
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    for value in &mut vector {
        *value /= length;
    }
    vector
}

/// Puts a feature at its place; half of them count negative, so that chance meetings cancel out.
fn add(vector: &mut [f32], feature: &str, weight: f32) {
    let hash = xxh3_64(feature.as_bytes());
    let place = usize::try_from(hash >> 1).unwrap_or_default() % vector.len();
    if let Some(value) = vector.get_mut(place) {
        *value += if hash & 1 == 0 { weight } else { -weight };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nearness(one: &str, other: &str) -> f32 {
        let (one, other) = (vector(one, 256), vector(other, 256));
        one.iter().zip(&other).map(|(one, other)| one * other).sum()
    }

    #[test]
    fn similar_texts_are_nearer_than_others() {
        let near = nearness("the cat sat on the mat", "a cat sits on a mat");
        let far = nearness("the cat sat on the mat", "quarterly revenue grew fast");
        assert!(near > far + 0.2, "{near} and {far}");
        assert!(nearness("お茶が好きです", "お茶が好き") > nearness("お茶が好きです", "雨の予報"));
    }

    #[test]
    fn vectors_have_length_one_even_of_nothing() {
        for text in ["", "…", "one"] {
            let length: f32 = vector(text, 64).iter().map(|value| value * value).sum();
            assert!((length - 1.0).abs() < 1e-4, "{text}");
        }
    }
}
