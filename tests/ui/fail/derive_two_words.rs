use breaker_core::Classify;

#[derive(Classify)]
enum Fault {
    #[classify(neutral, success)]
    One,
}

fn main() {}
