//! Merges several ranked lists of the same things into one.

use std::{cmp::Ordering, collections::BTreeMap};

use crate::embedding::Vector;

/// The constant of the formula, with the value of the paper. A smaller one favours the first places
/// more.
const RANK_CONSTANT: f32 = 60.0;

/// A vector below this similarity has no more in common with the query than any other.
const LEAST_COSINE: f32 = 0.1;

/// The numbers of the `most` nearest vectors, the nearest first.
#[must_use]
pub fn nearest(query: &Vector, vectors: &[(i64, Vector)], most: usize) -> Vec<i64> {
    let scored = vectors.iter().map(|(id, vector)| (*id, query.cosine(vector)));
    let mut near: Vec<_> = scored.filter(|(_, cosine)| *cosine >= LEAST_COSINE).collect();
    near.sort_by(|a, b| descending(a.1, b.1).then(a.0.cmp(&b.0)));
    near.into_iter().take(most).map(|(id, _)| id).collect()
}

/// One list of several, best first. A place in a list scores 1 / (60 + place), and the scores of
/// each thing add up.
///
/// See Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual
/// Rank Learning Methods" (2009). It needs no comparable scores, and those of a full text and a
/// cosine are not comparable.
#[must_use]
pub fn fuse(lists: &[&[i64]]) -> Vec<(i64, f32)> {
    let mut worth = BTreeMap::new();
    for list in lists {
        let mut place = RANK_CONSTANT;
        for id in *list {
            place += 1.0;
            *worth.entry(*id).or_insert(0.0) += 1.0 / place;
        }
    }
    let mut fused: Vec<_> = worth.into_iter().collect();
    fused.sort_by(|a, b| descending(a.1, b.1).then(a.0.cmp(&b.0)));
    fused
}

fn descending(a: f32, b: f32) -> Ordering {
    b.total_cmp(&a)
}

#[cfg(test)]
mod tests {
    use super::{Vector, fuse, nearest};

    #[test]
    fn what_two_lists_agree_on_comes_first() {
        let fused = fuse(&[&[1, 2, 3], &[3, 4], &[]]);
        let order: Vec<i64> = fused.iter().map(|(id, _)| *id).collect();
        assert_eq!(order, [3, 1, 2, 4]);
    }

    #[test]
    fn the_nearest_come_first_and_the_far_not_at_all() {
        let vectors = [(1, Vector::unit(&[0.0, 1.0])), (2, Vector::unit(&[1.0, 1.0])), (3, Vector::unit(&[1.0, 0.0]))];
        assert_eq!(nearest(&Vector::unit(&[1.0, 0.0]), &vectors, 5), [3, 2]);
    }
}
