"""The catalog: reads feature repositories from git, keeps them in SQL, and answers questions about them."""
