//! Makes the key of a `cache(..)` step one that a store can keep: what is borrowed becomes owned.
//!
//! The type alone decides what happens. Each trait is implemented one `&` below the next one, so
//! that method look-up finds the first that fits. The name of the method is one that no user trait
//! has.

/// A part of a key, by reference.
#[derive(Debug)]
pub struct Part<'p, P>(pub &'p P);

/// A reference to a reference: what is behind both becomes owned.
pub trait TwiceBorrowed {
    fn __breaker_way(&self) -> OwnTwice {
        OwnTwice
    }
}

/// A reference: what is behind it becomes owned.
pub trait Borrowed {
    fn __breaker_way(&self) -> OwnOnce {
        OwnOnce
    }
}

/// Anything else remains as it is.
pub trait Whole {
    fn __breaker_way(&self) -> AsItIs {
        AsItIs
    }
}

impl<T: ToOwned + ?Sized> TwiceBorrowed for &&Part<'_, &&T> {}
impl<T: ToOwned + ?Sized> Borrowed for &Part<'_, &T> {}
impl<T> Whole for Part<'_, T> {}

#[derive(Debug)]
pub struct OwnTwice;
#[derive(Debug)]
pub struct OwnOnce;
#[derive(Debug)]
pub struct AsItIs;

impl OwnTwice {
    #[must_use]
    pub fn own<T: ToOwned + ?Sized>(self, part: &&T) -> T::Owned {
        (*part).to_owned()
    }
}

impl OwnOnce {
    #[must_use]
    pub fn own<T: ToOwned + ?Sized>(self, part: &T) -> T::Owned {
        part.to_owned()
    }
}

impl AsItIs {
    #[must_use]
    pub fn own<T>(self, part: T) -> T {
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! own {
        ($part:expr) => {
            match $part {
                part => (&&&Part(&part)).__breaker_way().own(part),
            }
        };
    }

    #[derive(Clone, Debug, PartialEq)]
    struct Id(u8);

    #[test]
    fn what_is_borrowed_becomes_owned_and_the_rest_stays() {
        let (text, id) = (String::from("text"), Id(1));
        let (borrowed, twice): (&str, &&str) = (&text, &text.as_str());
        let texts: [String; 4] = [own!(borrowed), own!(twice), own!(&text), own!(text.clone())];
        assert!(texts.iter().all(|owned| *owned == text));
        let others: (Id, Id, Id, u8) = (own!(&id), own!(&&id), own!(id.clone()), own!(7));
        assert_eq!(others, (Id(1), Id(1), Id(1), 7));
        let slice: Vec<u8> = own!(&[1, 2][..]);
        assert_eq!(slice, [1, 2]);
    }
}
