"""Read: releases read, verified and compared."""
