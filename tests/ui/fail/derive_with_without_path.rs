use breaker_core::Classify;

#[derive(Classify)]
enum Fault {
    #[classify(with)]
    One,
    #[classify(with = 5)]
    Two,
}

fn main() {}
