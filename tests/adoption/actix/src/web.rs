//! The routes, and what callers are told when something fails.

use crate::customers::{self, NewCustomer};
use crate::orders::{NewOrder, Order, Orders};
use crate::stock::{self, Stock, StockError};
use actix_web::error::BlockingError;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path, ServiceConfig};
use actix_web::{get, post, HttpResponse, Responder, ResponseError};
use breaker_core::circuit_breaker;
use serde::Serialize;
use sqlx::PgPool;
use std::net::SocketAddr;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum ShopError {
    #[error("there is none")]
    NotFound,
    #[error("not like this: {0}")]
    Refused(String),
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
    #[error("the stock failed")]
    Stock(#[source] StockError),
    #[error("the service is ending")]
    Ending(#[from] BlockingError),
}

impl From<sqlx::Error> for ShopError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::RowNotFound => Self::NotFound,
            sqlx::Error::Database(told) if told.is_unique_violation() || told.is_foreign_key_violation() => {
                Self::Refused(told.message().to_owned())
            }
            _ => Self::Database(error),
        }
    }
}

impl From<StockError> for ShopError {
    fn from(error: StockError) -> Self {
        match error {
            StockError::OutOfStock { .. } => Self::Refused(error.to_string()),
            _ => Self::Stock(error),
        }
    }
}

impl ResponseError for ShopError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Refused(_) => StatusCode::CONFLICT,
            Self::Database(_) | Self::Stock(_) | Self::Ending(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// What the shop is made of.
#[derive(Clone, Debug)]
pub struct Shop {
    pub pool: PgPool,
    pub orders: Orders,
    pub stock: SocketAddr,
}

/// What the owner looks at in the morning.
#[derive(Debug, PartialEq, Serialize)]
pub struct Report {
    pub customers: Option<i64>,
    pub open_orders: usize,
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(get_customer).service(post_customer).service(get_order).service(post_order);
    config.service(get_level).service(get_report).service(ready);
}

#[get("/customers/{id}")]
async fn get_customer(shop: Data<Shop>, id: Path<i64>) -> Result<impl Responder, ShopError> {
    Ok(Json(customers::customer(&shop.pool, *id).await?))
}

#[post("/customers")]
async fn post_customer(shop: Data<Shop>, new: Json<NewCustomer>) -> Result<HttpResponse, ShopError> {
    let id = customers::add_customer(&shop.pool, &new).await?;
    Ok(HttpResponse::Created().json(id))
}

#[get("/orders/{id}")]
#[circuit_breaker(
    name = "order_page", exclude(ShopError::NotFound),
    open = |rejection| ShopError::Database(sqlx::Error::Io(rejection.into())),
)]
async fn get_order(shop: Data<Shop>, id: Path<i64>) -> Result<Json<Order>, ShopError> {
    Ok(Json(shop.orders.order(*id).await?))
}

/// Takes the goods from the stock first, and puts them back when the order cannot be written.
#[post("/orders")]
async fn post_order(shop: Data<Shop>, new: Json<NewOrder>) -> Result<HttpResponse, ShopError> {
    let (stock, new) = (Stock::new(shop.stock), new.into_inner());
    let quantity = u32::try_from(new.quantity).map_err(|_| ShopError::Refused("a negative quantity".into()))?;
    let item = new.item.clone();
    let taken = actix_web::web::block(move || stock.take(&item, quantity)).await??;
    match shop.orders.place(&new).await {
        Ok(id) => Ok(HttpResponse::Created().json(id)),
        Err(error) => {
            actix_web::web::block(move || stock.give_back(taken)).await??;
            Err(error.into())
        }
    }
}

#[get("/stock/{item}")]
async fn get_level(shop: Data<Shop>, item: Path<String>) -> actix_web::Result<Json<u32>> {
    let address = shop.stock;
    let level = actix_web::web::block(move || stock::level(address, &item)).await?;
    level.map(Json).map_err(actix_web::error::ErrorServiceUnavailable)
}

#[circuit_breaker(name = "report_page", open = |rejection| ShopError::Database(sqlx::Error::Io(rejection.into())))]
#[get("/report")]
async fn get_report(shop: Data<Shop>) -> Result<Json<Report>, ShopError> {
    Ok(Json(report(&shop).await?))
}

#[get("/ready")]
async fn ready(shop: Data<Shop>) -> HttpResponse {
    if customers::is_reachable(&shop.pool).await {
        HttpResponse::Ok().finish()
    } else {
        HttpResponse::ServiceUnavailable().finish()
    }
}

#[circuit_breaker(
    name = "report", max_concurrent = 2, timeout = "10s",
    open = |rejection| ShopError::Database(sqlx::Error::Io(rejection.into())),
)]
pub async fn report(shop: &Shop) -> Result<Report, ShopError> {
    let open = shop.orders.open_orders(1).await?;
    Ok(Report { customers: customers::customer_count(&shop.pool).await, open_orders: open.len() })
}
