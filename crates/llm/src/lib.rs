//! Model providers over genai, in our vocabulary of deltas and errors.
