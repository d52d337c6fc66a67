use breaker_core::Classify;

#[derive(Classify)]
#[classify(ignored)]
enum Fault {
    One,
}

fn main() {}
