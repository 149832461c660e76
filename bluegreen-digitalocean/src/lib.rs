#![doc = include_str!("../README.md")]

mod app_platform;
mod client;
mod dns;
mod load_balancer;
mod monitoring;
mod per_slot;

pub use app_platform::{AppDomainRouter, AppPlatformHost, AppRoutesRouter, Place};
pub use client::{API, ApiError, Client, InvalidClient, Lost, Transport};
pub use dns::{DnsRouter, InvalidRecord, Record};
pub use load_balancer::{InvalidProbe, InvalidTargets, LoadBalancerRouter, Marker, SlotProbe, Targets};
pub use monitoring::{Combine, Measured, Monitoring};
pub use per_slot::PerSlot;
