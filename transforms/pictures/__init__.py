"""Pictures: decoded pixels and what is measured on them."""
