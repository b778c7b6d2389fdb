"""What is wrong with a data set: findings over its index and its manifest."""
