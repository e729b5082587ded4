//! Randomness that repeats.

/// The `place`th number of a seed, 0 to 1 (SplitMix64). Numbers don't depend on the order
/// in which they are drawn.
pub(super) fn fraction(seed: u64, place: u64) -> f64 {
    let mut bits = seed.wrapping_add((place + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_and_spreads() {
        let draw = |seed| (0..1_000).map(move |place| fraction(seed, place));
        assert!(draw(7).eq(draw(7)) && !draw(7).eq(draw(8)));
        assert!(draw(7).all(|number| (0.0..1.0).contains(&number)));
        let below = draw(7).filter(|number| *number < 0.25).count();
        assert!((200..300).contains(&below), "{below}");
    }
}
