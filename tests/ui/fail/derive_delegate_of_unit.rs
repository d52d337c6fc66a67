use breaker_core::Classify;

#[derive(Classify)]
enum Fault {
    #[classify(delegate)]
    One,
}

fn main() {}
