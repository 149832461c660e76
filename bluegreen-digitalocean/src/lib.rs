#![doc = include_str!("../README.md")]

mod app_platform;
mod client;
mod load_balancer;
mod per_slot;

pub use app_platform::{AppPlatformHost, AppRoutesRouter, Place};
pub use client::{API, ApiError, Client, InvalidClient};
pub use load_balancer::{InvalidProbe, InvalidTargets, LoadBalancerRouter, Marker, SlotProbe, Targets};
pub use per_slot::PerSlot;
