//! Turns texts into vectors, by two models behind one breaker.

mod api;
mod error;
mod hashing;
mod model;
mod service;

pub use error::EmbeddingError;
pub use model::{MOCK, Role};
pub use service::{BREAKER, DualEmbeddingService, EmbeddingSettings};

/// The number of dimensions of the built-in models.
pub const DIMENSIONS: usize = 768;

/// A vector of length 1, or the zero vector of a text without an indexable word.
///
/// A byte for each dimension is precise enough to rank. It is a quarter of what the database would
/// otherwise read for a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Vector {
    parts: Vec<i8>,
    /// The value of one step of a component.
    step: f32,
}

impl Vector {
    /// Normalises the numbers to length 1.
    #[must_use]
    pub fn unit(numbers: &[f32]) -> Self {
        let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
        let largest = numbers.iter().fold(0.0_f32, |largest, number| largest.max(number.abs()));
        if largest == 0.0 || !length.is_finite() {
            return Self { parts: vec![0; numbers.len()], step: 0.0 };
        }
        let parts = numbers.iter().map(|number| (number / largest * 127.0).round() as i8).collect();
        Self { parts, step: largest / 127.0 / length }
    }

    /// Reads what [`bytes`](Self::bytes) wrote.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let (step, parts) = bytes.split_first_chunk().unwrap_or((&[0; 4], &[]));
        Self { parts: parts.iter().map(|part| part.cast_signed()).collect(), step: f32::from_le_bytes(*step) }
    }

    /// The step, and a byte for each dimension, as the database keeps it.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.step.to_le_bytes().into_iter().chain(self.parts.iter().map(|part| part.cast_unsigned())).collect()
    }

    /// The cosine of the angle between two vectors: 1 for the same direction, 0 for nothing in
    /// common.
    #[must_use]
    pub fn cosine(&self, other: &Self) -> f32 {
        let product: i32 = self.parts.iter().zip(&other.parts).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
        product as f32 * self.step * other.step
    }

    /// The number of its dimensions.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.parts.len()
    }
}

#[cfg(test)]
mod tests {
    use super::Vector;

    #[test]
    fn a_vector_survives_its_bytes() {
        let vector = Vector::unit(&[3.0, 0.0, -4.0]);
        assert_eq!(Vector::from_bytes(&vector.bytes()), vector);
        assert!((vector.cosine(&vector) - 1.0).abs() < 0.01);
        assert_eq!(Vector::unit(&[0.0; 2]).cosine(&vector), 0.0);
        assert_eq!(Vector::from_bytes(&[]).dimensions(), 0);
    }
}
