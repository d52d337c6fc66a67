use breaker_core::Classify;

#[derive(Classify)]
enum Fault {
    #[classify(neutral)]
    #[classify(success)]
    One,
}

fn main() {}
