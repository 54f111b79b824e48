"""Which concepts the words of records mean: conditions, drugs, genes, outcomes, and the papers that report trials."""
