use breaker_core::Classify;

#[derive(Classify)]
enum Fault {
    #[classify(neutral)]
    One,
    #[classify(ingored)]
    Two,
}

fn main() {}
