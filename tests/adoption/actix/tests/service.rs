//! What the shop does while everything is well.

mod common;

use actix_web::http::StatusCode;
use actix_web::test::{call_service, init_service, read_body_json, TestRequest};
use actix_web::web::Data;
use actix_web::{App, ResponseError as _};
use common::{shop, stock, Database};
use futures_util::TryStreamExt as _;
use shop::customers::{self, Customer, NewCustomer, Page};
use shop::orders::{NewOrder, Order};
use shop::stock::{level, Reservation, Stock, StockError};
use shop::web::{report, routes, Report, ShopError};

fn ada() -> NewCustomer {
    NewCustomer { email: "ada@example.org".into(), name: "Ada".into() }
}

fn tea(customer: i64) -> NewOrder {
    NewOrder { customer, item: "tea".into(), quantity: 2 }
}

#[actix_web::test]
async fn customers_and_orders() {
    let database = Database::start().await;
    let shop = shop(database.address(), stock());
    let pool = &shop.pool;

    let id = customers::add_customer(pool, &ada()).await.unwrap();
    customers::rename_customer(pool, id, "Ada L.").await.unwrap();
    let ada_l = Customer { id, email: "ada@example.org".into(), name: "Ada L.".into() };
    assert_eq!(customers::customer(pool, id).await.unwrap(), ada_l);
    assert_eq!(customers::customer_by_email(pool, &ada_l.email).await.unwrap(), Some(ada_l.clone()));
    assert_eq!(customers::customers(pool, Page { after: 0, limit: 10 }).await.unwrap(), [ada_l]);
    assert_eq!(customers::customer_count(pool).await, Some(1));
    assert!(customers::is_reachable(pool).await);

    let missing: Result<Customer, sqlx::Error> = customers::customer(pool, -1).await;
    assert!(matches!(missing, Err(sqlx::Error::RowNotFound)));
    let missing: Result<(), sqlx::Error> = customers::rename_customer(pool, -1, "Bob").await;
    assert!(matches!(missing, Err(sqlx::Error::RowNotFound)));
    let twice: sqlx::Error = customers::add_customer(pool, &ada()).await.unwrap_err();
    assert!(twice.as_database_error().unwrap().is_unique_violation());

    let orders = &shop.orders;
    let order = orders.place(&tea(id)).await.unwrap();
    let expected = Order { id: order, customer: id, item: "tea".into(), quantity: 2, paid: false };
    assert_eq!(orders.order(order).await.unwrap(), expected);
    assert_eq!(orders.orders_of(id).await.unwrap(), std::slice::from_ref(&expected));
    assert_eq!(orders.open_orders(3).await.unwrap(), []);
    assert_eq!(orders.quantity_of("tea").await.unwrap(), 2);
    assert_eq!(report(&shop).await.unwrap(), Report { customers: Some(1), open_orders: 1 });
    orders.pay(order).await.unwrap();
    assert!(matches!(orders.pay(order).await, Err(sqlx::Error::RowNotFound)));
    assert!(!orders.cancel(order).await.unwrap(), "it is paid");
    let all: Vec<Order> = orders.all().try_collect().await.unwrap();
    assert_eq!(all, [Order { paid: true, ..expected }]);

    let mut tx = pool.begin().await.unwrap();
    let second =
        customers::add_customer(&mut *tx, &NewCustomer { email: "b".into(), name: "Bob".into() }).await.unwrap();
    assert_eq!(customers::remove_customer(&mut tx, second).await.unwrap(), 0);
    assert_eq!(customers::remove_customer(&mut tx, id).await.unwrap(), 1);
    tx.rollback().await.unwrap();
    assert_eq!(customers::customer_count(pool).await, Some(1));
}

#[actix_web::test]
async fn routes_answer() {
    let database = Database::start().await;
    let shop = shop(database.address(), stock());
    let app = init_service(App::new().app_data(Data::new(shop)).configure(routes)).await;

    let new = serde_json(r#"{"email": "ada@example.org", "name": "Ada"}"#).uri("/customers");
    let made = call_service(&app, new.to_request()).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let id: i64 = read_body_json(made).await;
    let of = |quantity: i32| serde_json(&format!(r#"{{"customer": {id}, "item": "tea", "quantity": {quantity}}}"#));
    let made = call_service(&app, of(2).uri("/orders").to_request()).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let order: i64 = read_body_json(made).await;

    for (path, expected) in [
        (format!("/customers/{id}"), StatusCode::OK),
        ("/customers/0".into(), StatusCode::NOT_FOUND),
        (format!("/orders/{order}"), StatusCode::OK),
        ("/orders/0".into(), StatusCode::NOT_FOUND),
        ("/stock/tea".into(), StatusCode::OK),
        ("/report".into(), StatusCode::OK),
        ("/ready".into(), StatusCode::OK),
    ] {
        let answer = call_service(&app, TestRequest::get().uri(&path).to_request()).await;
        assert_eq!(answer.status(), expected, "{path}");
    }
    let too_many = call_service(&app, of(11).uri("/orders").to_request()).await;
    assert_eq!(too_many.status(), StatusCode::CONFLICT);
}

fn serde_json(body: &str) -> TestRequest {
    TestRequest::post().insert_header(("content-type", "application/json")).set_payload(body.to_owned())
}

#[test]
fn stock_answers() {
    let address = stock();
    let stock = Stock::new(address);
    let taken: Result<Reservation, StockError> = stock.take("tea", 2);
    assert_eq!(taken.unwrap(), Reservation(7));
    stock.give_back(Reservation(7)).unwrap();
    assert!(matches!(stock.give_back(Reservation(8)), Err(StockError::Garbled(_))));
    let left = stock.take("tea", 11).unwrap_err();
    assert!(matches!(left, StockError::OutOfStock { left: 10 }));
    assert_eq!(ShopError::from(left).status_code(), StatusCode::CONFLICT);
    let level: anyhow::Result<u32> = level(address, "tea");
    assert_eq!(level.unwrap(), 10);
}
