"""What is asked of views: are they right, what were they, and made anew."""
