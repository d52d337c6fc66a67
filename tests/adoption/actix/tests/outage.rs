//! PostgreSQL and the stock go away, and come back.

mod common;
#[path = "../../gate.rs"]
mod gate;

use actix_web::http::StatusCode;
use actix_web::test::{call_service, init_service, TestRequest};
use actix_web::web::{block, Data};
use actix_web::App;
use breaker_core::testing::{assert_state, breaker, isolated};
use breaker_core::{CircuitBreakerError, Registry, State};
use common::{shop, stock, Database};
use gate::{pass, Gate};
use shop::customers::{self, NewCustomer, Page};
use shop::orders::NewOrder;
use shop::stock::{level, Reservation, Stock, StockError};
use shop::web::{report, routes, Report, ShopError};
use std::io::ErrorKind;
use std::time::Duration;

const RECOVERY: Duration = Duration::from_secs(30);

/// What sqlx gives while a breaker is open: an `Io`, with the rejection behind it.
fn is_rejected<T>(result: Result<T, sqlx::Error>) -> bool {
    match result {
        Err(error @ sqlx::Error::Io(_)) => CircuitBreakerError::find(&error).is_some_and(|told| !told.is_timeout()),
        _ => false,
    }
}

#[actix_web::test]
async fn the_database_goes_away_and_comes_back() {
    let database = Database::start().await;
    let mut gate = Gate::before(database.address()).await;
    isolated(async {
        let shop = shop(gate.address(), stock());
        let (pool, orders) = (&shop.pool, &shop.orders);
        let ada = NewCustomer { email: "ada@example.org".into(), name: "Ada".into() };
        let id = customers::add_customer(pool, &ada).await.unwrap();
        let tea = NewOrder { customer: id, item: "tea".into(), quantity: 2 };
        let order = orders.place(&tea).await.unwrap();
        // What the database says of a mistake proves that it is well.
        for _ in 0..10 {
            customers::add_customer(pool, &ada).await.unwrap_err();
            customers::customer(pool, -1).await.unwrap_err();
            orders.place(&NewOrder { customer: -1, ..tea.clone() }).await.unwrap_err();
            orders.order(-1).await.unwrap_err();
        }
        let [customers, orders_breaker] = ["customers", "orders"].map(breaker);
        assert_state(&customers, State::Closed);
        assert_state(&orders_breaker, State::Closed);

        // Time limits and the pool's own waiting pass on the paused clock.
        gate.close().await;
        tokio::time::pause();
        for _ in 0..3 {
            let failed = customers::customer(pool, id).await.unwrap_err();
            assert!(!is_rejected::<()>(Err(failed)), "it is open too early");
            assert!(!is_rejected(orders.order(order).await), "it is open too early");
        }
        tokio::time::resume();
        assert_state(&customers, State::Open);
        assert_state(&orders_breaker, State::Open);

        // The listener is back, and nobody knocks before it is time.
        gate.open().await;
        let knocked = gate.connections();
        assert!(is_rejected(customers::customer(pool, id).await));
        assert!(is_rejected(customers::customer_by_email(pool, &ada.email).await));
        assert!(is_rejected(customers::customers(pool, Page { after: 0, limit: 10 }).await));
        assert!(is_rejected(customers::add_customer(pool, &ada).await));
        assert!(is_rejected(customers::rename_customer(pool, id, "Eve").await));
        assert_eq!(customers::customer_count(pool).await, None);
        assert!(!customers::is_reachable(pool).await);
        assert!(is_rejected(orders.place(&tea).await));
        assert!(is_rejected(orders.order(order).await));
        assert!(is_rejected(orders.orders_of(id).await));
        assert!(is_rejected(orders.open_orders(1).await));
        assert!(is_rejected(orders.pay(order).await));
        assert!(is_rejected(orders.cancel(order).await));
        assert!(is_rejected(orders.quantity_of("tea").await));
        assert!(matches!(report(&shop).await, Err(ShopError::Database(_))));
        assert_state(&breaker("report"), State::Closed);
        assert_eq!(gate.connections(), knocked);
        assert_eq!(Registry::global().health().critical_circuits_open, ["customers"]);

        pass(RECOVERY).await;
        assert_eq!(customers::customer(pool, id).await.unwrap().name, "Ada");
        assert_eq!(orders.order(order).await.unwrap().item, "tea");
        assert_state(&customers, State::Closed);
        assert_state(&orders_breaker, State::Closed);
        assert_eq!(report(&shop).await.unwrap(), Report { customers: Some(1), open_orders: 1 });
        assert!(Registry::global().health().critical_circuits_open.is_empty());
    })
    .await;
}

#[actix_web::test]
async fn a_silent_database_holds_nobody_up() {
    let database = Database::start().await;
    let mut gate = Gate::before(database.address()).await;
    isolated(async {
        let shop = shop(gate.address(), stock());
        assert!(customers::is_reachable(&shop.pool).await);
        let app = init_service(App::new().app_data(Data::new(shop)).configure(routes)).await;
        let ask = async |path: &str| call_service(&app, TestRequest::get().uri(path).to_request()).await.status();
        assert_eq!(ask("/orders/1").await, StatusCode::NOT_FOUND);

        gate.fall_silent().await;
        tokio::time::pause();
        for path in ["/customers/1", "/orders/1", "/report"].repeat(5) {
            assert_eq!(ask(path).await, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        }
        tokio::time::resume();
        assert_state(&breaker("customers"), State::Open);
        assert_state(&breaker("orders"), State::Open);
        let knocked = gate.connections();
        for path in ["/customers/1", "/orders/1", "/report", "/ready"] {
            assert_eq!(ask(path).await, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        }
        assert_eq!(gate.connections(), knocked);

        gate.open().await;
        pass(RECOVERY).await;
        assert_eq!(ask("/orders/1").await, StatusCode::NOT_FOUND);
        assert_eq!(ask("/ready").await, StatusCode::OK);
        assert_eq!(ask("/report").await, StatusCode::OK);
        assert_state(&breaker("customers"), State::Closed);
        assert_state(&breaker("orders"), State::Closed);
    })
    .await;
}

/// Its calls block, so they run on other threads, which no isolation reaches with this version of tokio: the breaker is the process's own.
#[actix_web::test]
async fn the_stock_goes_away_and_comes_back() {
    let mut gate = Gate::before(stock()).await;
    let address = gate.address();
    let take = async |count| block(move || Stock::new(address).take("tea", count)).await.unwrap();
    for _ in 0..10 {
        assert!(matches!(take(11).await, Err(StockError::OutOfStock { left: 10 })));
    }
    let stock = breaker("stock");
    assert_state(&stock, State::Closed);

    gate.close().await;
    for _ in 0..3 {
        let refused = take(1).await;
        assert!(
            matches!(&refused, Err(StockError::Io(error)) if error.kind() == ErrorKind::ConnectionRefused),
            "{refused:?}"
        );
    }
    assert_state(&stock, State::Open);

    gate.open().await;
    let knocked = gate.connections();
    let Err(StockError::Io(error)) = take(1).await else { panic!("it is open") };
    assert!(CircuitBreakerError::find(&error).is_some());
    let given = block(move || Stock::new(address).give_back(Reservation(7))).await.unwrap();
    assert!(matches!(given, Err(StockError::Io(_))));
    let error = block(move || level(address, "tea")).await.unwrap().unwrap_err();
    assert!(error.downcast_ref::<CircuitBreakerError>().is_some());
    assert_eq!(gate.connections(), knocked);

    pass(RECOVERY).await;
    assert_eq!(take(1).await.unwrap(), Reservation(7));
    assert_state(&stock, State::Closed);
    assert_eq!(block(move || level(address, "tea")).await.unwrap().unwrap(), 10);
}

#[test]
fn the_annotations_agree_with_each_other() {
    let registry = Registry::global();
    assert!(registry.load_env_from([("", ""); 0]).unwrap().warnings().is_empty());
    let breakers = registry.breakers();
    let names: Vec<_> = breakers.iter().map(|breaker| breaker.name()).collect();
    assert_eq!(names, ["customers", "order_page", "orders", "report", "report_page", "stock"]);
}
