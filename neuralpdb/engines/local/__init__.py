"""The embedded model: engine, decoder, tokenizer, checkpoint."""
