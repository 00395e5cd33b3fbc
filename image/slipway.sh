#!/bin/sh
# The entry point. It accepts a command with and without its first word, because platforms differ in what they replace: App Platform starts
# "slipway post-deploy …", and `docker run <image> post-deploy …` passes the rest only.
if [ "$1" = slipway ]; then shift; fi
exec tini -s -- node /app/bin/slipway.js "$@"
