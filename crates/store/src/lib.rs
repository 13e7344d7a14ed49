//! PostgreSQL: all SQL of the system.
