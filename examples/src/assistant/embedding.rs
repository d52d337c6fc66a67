//! Turns a text into a unit vector, with nothing to download and no way to fail.

/// The number of dimensions of every embedding.
pub const DIMENSIONS: usize = 1024;

/// Words that say how a question is asked, not what about.
const STOP_WORDS: &[&str] = &[
    "a", "about", "after", "all", "am", "an", "and", "any", "are", "as", "at", "be", "before", "but", "by", "can",
    "did", "do", "does", "for", "from", "get", "go", "had", "has", "have", "her", "his", "how", "i", "if", "in",
    "into", "is", "it", "its", "long", "many", "may", "me", "much", "must", "my", "need", "no", "not", "of", "often",
    "on", "one", "only", "or", "our", "out", "should", "so", "that", "the", "their", "them", "then", "there", "they",
    "this", "to", "too", "two", "use", "was", "we", "what", "when", "where", "which", "who", "why", "will", "with",
    "would", "you", "your",
];

/// The unit vector of a text, or the zero vector of a text without a significant word.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding(Vec<f32>);

impl Embedding {
    /// Embeds a text by feature hashing. The hash of each stemmed word chooses one dimension and a
    /// sign to add to it.
    ///
    /// See Weinberger et al., "Feature Hashing for Large Scale Multitask Learning" (2009). The
    /// signs make the collisions cancel out on average, so the scalar product stays an unbiased
    /// estimate.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut vector = vec![0.0_f32; DIMENSIONS];
        for word in telling_words(text) {
            let hash = fnv1a(&word);
            let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
            vector[usize::try_from(hash % DIMENSIONS as u64).unwrap_or_default()] += sign;
        }
        // A word that occurs ten times says little more than one that occurs twice.
        for weight in &mut vector {
            *weight = weight.signum() * weight.abs().ln_1p();
        }
        normalise(&mut vector);
        Self(vector)
    }

    /// The cosine of the angle between two embeddings: 1 for the same direction, 0 for nothing in
    /// common.
    #[must_use]
    pub fn cosine(&self, other: &Self) -> f32 {
        self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum()
    }
}

/// The words of a text that carry its subject, in lower case and without their endings.
pub(crate) fn telling_words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .filter(|word| !STOP_WORDS.contains(&word.as_str()))
        .map(|word| stem(&word).to_owned())
}

/// Strips the most common English endings, so that `feed`, `feeds` and `feeding` meet in one
/// dimension.
fn stem(word: &str) -> &str {
    for ending in ["ings", "ing", "ies", "es", "ed", "s", "e", "y"] {
        if let Some(rest) = word.strip_suffix(ending)
            && rest.chars().count() >= 3
        {
            return rest;
        }
    }
    word
}

/// FNV-1a, because it gives the same number on every machine and in every build.
fn fnv1a(word: &str) -> u64 {
    word.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn normalise(vector: &mut [f32]) {
    let length = vector.iter().map(|weight| weight * weight).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|weight| *weight /= length);
    }
}

#[cfg(test)]
mod tests {
    use super::Embedding;

    #[test]
    fn the_same_subject_in_other_words_is_near() {
        let feeding = Embedding::of("How often must I feed my starter?");
        assert!(feeding.cosine(&Embedding::of("Feeding the starter every day")) > 0.5);
        assert!(feeding.cosine(&Embedding::of("The passport expires in March")).abs() < 0.1);
    }

    #[test]
    fn a_text_without_a_telling_word_is_near_to_nothing() {
        let nothing = Embedding::of("  what is it?  ");
        assert!(nothing.cosine(&nothing).abs() < f32::EPSILON);
    }
}
