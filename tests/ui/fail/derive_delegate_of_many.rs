use breaker_core::Classify;

#[derive(Classify)]
enum Fault {
    #[classify(delegate)]
    One(u8, u16),
}

fn main() {}
