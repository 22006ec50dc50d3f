"""What a learner operates. Each widget is a .py with its .js and .css, and shows plain HTML where no kernel runs it."""
