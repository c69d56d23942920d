"""The chat gateways: distribute what the chat view decided. They hold no producer; what is sent goes through `sending.Sending`."""
