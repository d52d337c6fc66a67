use breaker_core::Classify;

#[derive(Classify)]
enum Fault {
    #[classify(ignored)]
    #[classify(success)]
    One,
}

fn main() {}
