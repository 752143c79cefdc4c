// Azure's go-amqp by TLS: `go run ./tls <url> <ca> [<certificate> <key>]` passes one message, with SASL EXTERNAL where
// it has a certificate, else with the user ada; prints `ok`.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"time"

	amqp "github.com/Azure/go-amqp"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(must(os.ReadFile(os.Args[2])))
	settings := &tls.Config{RootCAs: authorities}
	login := amqp.SASLTypePlain("ada", "Lovelace")
	if len(os.Args) > 3 {
		settings.Certificates = []tls.Certificate{must(tls.LoadX509KeyPair(os.Args[3], os.Args[4]))}
		login = amqp.SASLTypeExternal("")
	}
	conn := must(amqp.Dial(ctx, os.Args[1], &amqp.ConnOptions{SASLType: login, TLSConfig: settings}))
	defer conn.Close()
	session := must(conn.NewSession(ctx, nil))
	receiver := must(session.NewReceiver(ctx, "jms.events.go", nil))
	sent := make(chan error, 1)
	sender := must(session.NewSender(ctx, "jms.events.go", nil))
	go func() { sent <- sender.Send(ctx, amqp.NewMessage([]byte("secure")), nil) }()
	got := must(receiver.Receive(ctx, nil))
	if string(got.GetData()) != "secure" {
		panic("got " + string(got.GetData()))
	}
	if err := receiver.AcceptMessage(ctx, got); err != nil {
		panic(err)
	}
	if err := <-sent; err != nil {
		panic(err)
	}
	fmt.Println("ok")
}
