use breaker_core::Classify;

#[derive(Classify)]
enum Fault {
    #[classify(with = judge)]
    One,
}

fn main() {}
