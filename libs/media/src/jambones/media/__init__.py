"""The media engine and the rtpengine client."""
