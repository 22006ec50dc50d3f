"""What a learner does in the browser. A package, so that what is made for these tests ends with the last of them."""
