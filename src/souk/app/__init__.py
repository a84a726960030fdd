"""Assembly: the markets that are switched on become one ASGI application and one worker each."""
