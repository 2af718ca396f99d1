"""How does one page of HTML come about that says what runs, why, and how it does?

`facts` reads the environments, `views` arranges what a section shows, `plots` are the figures, `page` is the HTML.
"""
