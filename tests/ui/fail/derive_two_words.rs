use breaker_core::Classify;

#[derive(Classify)]
enum Fault {
    #[classify(ignored, success)]
    One,
}

fn main() {}
