//! Groups addresses into the keys of limits per client.

use std::net::{IpAddr, Ipv4Addr};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Peer {
    Four(Ipv4Addr),
    /// A network of IPv6, since one client usually has all its addresses.
    Six(u64),
    /// The server does not provide addresses.
    Unknown,
    /// All addresses beyond the number that a limit keeps.
    Others,
}

impl Peer {
    pub(crate) fn of(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => Self::Four(address),
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments().map(u64::from);
                Self::Six(a << 48 | b << 32 | c << 16 | d)
            }
            None => Self::Unknown,
        }
    }
}
