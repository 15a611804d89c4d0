//! How a document reaches the handset: WAP push, WDP segments, SMS.
