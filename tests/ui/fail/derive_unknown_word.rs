use breaker_core::Classify;

#[derive(Classify)]
enum Fault {
    #[classify(ignored)]
    One,
    #[classify(nuetral)]
    Two,
}

fn main() {}
