// The centrifuge library as a chat server: one channel, everybody in it. Told by lines on standard input, as _chat_servers.py is.
package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/centrifugal/centrifuge"
	"golang.org/x/sys/unix"
)

// CLOCK_MONOTONIC, as Python's time.monotonic_ns: the client's clock.
func monotonic() int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic(err)
	}
	return now.Nano()
}

func main() {
	node, err := centrifuge.New(centrifuge.Config{LogLevel: centrifuge.LogLevelError})
	if err != nil {
		panic(err)
	}
	node.OnConnecting(func(ctx context.Context, e centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{
			Credentials:   &centrifuge.Credentials{UserID: ""},
			Subscriptions: map[string]centrifuge.SubscribeOptions{"chat": {}},
		}, nil
	})
	node.OnConnect(func(client *centrifuge.Client) {})
	if err := node.Run(); err != nil {
		panic(err)
	}
	handler := centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{
		CheckOrigin: func(r *http.Request) bool { return true },
	})
	http.Handle("/connection/websocket", handler)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	go http.Serve(listener, nil)
	lines := bufio.NewScanner(os.Stdin)
	sequence := 0
	for lines.Scan() {
		var rate, seconds float64
		if _, err := fmt.Sscanf(lines.Text(), "%g %g", &rate, &seconds); err != nil {
			return
		}
		start := time.Now()
		total := int(rate * seconds)
		for sent := 0; sent < total; {
			due := int(time.Since(start).Seconds()*rate) + 1
			for ; sent < due && sent < total; sent++ {
				text := fmt.Sprintf("#%d %d ", sequence, monotonic())
				text += strings.Repeat("x", 100-len(text))
				sequence++
				if _, err := node.Publish("chat", []byte(`{"text":"`+text+`"}`)); err != nil {
					panic(err)
				}
			}
			time.Sleep(time.Millisecond)
		}
		fmt.Println("done")
	}
}
