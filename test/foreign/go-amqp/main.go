// Azure's go-amqp put through its paces: `go run . <port>`. Prints `ok <name>` or `failed <name>: why` for every
// check; the exit code is 1 if any failed.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	amqp "github.com/Azure/go-amqp"
)

var (
	url    string
	failed bool
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func check(name string, run func(context.Context, *amqp.Conn, *amqp.Session)) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	defer func() {
		if reason := recover(); reason != nil {
			failed = true
			fmt.Printf("failed %s: %v\n", name, reason)
		} else {
			fmt.Println("ok " + name)
		}
	}()
	conn := must(amqp.Dial(ctx, url, &amqp.ConnOptions{SASLType: amqp.SASLTypePlain("guest", "guest")}))
	defer conn.Close()
	run(ctx, conn, must(conn.NewSession(ctx, nil)))
}

func same(expected, actual any) {
	if !reflect.DeepEqual(expected, actual) {
		panic(fmt.Sprintf("expected %v (%T) but got %v (%T)", expected, expected, actual, actual))
	}
}

// sending sends all messages in the background; the result tells how it ended.
func sending(ctx context.Context, session *amqp.Session, address string, messages ...*amqp.Message) chan error {
	result := make(chan error, 1)
	sender := must(session.NewSender(ctx, address, nil))
	go func() {
		for _, message := range messages {
			if err := sender.Send(ctx, message, nil); err != nil {
				result <- err
				return
			}
		}
		result <- nil
	}()
	return result
}

func types(ctx context.Context, _ *amqp.Conn, session *amqp.Session) {
	when := time.UnixMilli(1700000000123) // local, as the library reads it
	properties := map[string]any{
		"bool": true, "uint8": uint8(200), "uint16": uint16(60000), "uint32": uint32(4000000000),
		"uint64": uint64(1<<64 - 1), "int8": int8(-100), "int16": int16(-30000), "int32": int32(-2000000000),
		"int64": int64(-1 << 63), "float32": float32(1.5), "float64": 1.1, "string": "héllo",
		"binary": []byte{0, 255}, "uuid": amqp.UUID{1, 2, 3}, "time": when, "null": nil,
	}
	subject, reply, contentType, group := "s", "r", "text/plain", "g"
	sequence := uint32(7)
	for _, id := range []any{"id", uint64(1 << 63), []byte{1, 2}, amqp.UUID{9}} {
		message := amqp.NewMessage([]byte("body"))
		message.Header = &amqp.MessageHeader{Durable: true, Priority: 8}
		message.Annotations = amqp.Annotations{"x-own": int64(3)}
		message.Properties = &amqp.MessageProperties{
			MessageID: id, CorrelationID: id, UserID: []byte("me"), Subject: &subject, ReplyTo: &reply,
			ContentType: &contentType, CreationTime: &when, GroupID: &group, GroupSequence: &sequence, ReplyToGroupID: &group,
		}
		message.ApplicationProperties = properties
		message.Footer = amqp.Annotations{"sum": "f"}
		receiver := must(session.NewReceiver(ctx, "go.types", nil))
		sent := sending(ctx, session, "go.types", message)
		got := must(receiver.Receive(ctx, nil))
		same(nil, receiver.AcceptMessage(ctx, got))
		same(nil, <-sent)
		same(message.Properties, got.Properties)
		same(len(properties), len(got.ApplicationProperties))
		for name, value := range properties {
			same(value, got.ApplicationProperties[name])
		}
		same("body", string(got.GetData()))
		same(int64(3), got.Annotations["x-own"])
		same("f", got.Footer["sum"])
		same(uint8(8), got.Header.Priority)
		same(true, got.Header.Durable)
		same(nil, receiver.Close(ctx))
	}
}

func bodies(ctx context.Context, _ *amqp.Conn, session *amqp.Session) {
	receiver := must(session.NewReceiver(ctx, "go.bodies", nil))
	messages := []*amqp.Message{
		{Value: "text"},
		{Value: map[string]any{"a": int64(1), "b": []any{"x"}}},
		{Sequence: [][]any{{int64(1), "two"}, {true}}},
		{Data: [][]byte{[]byte("one"), []byte("two")}},
		{Data: [][]byte{make([]byte, 1<<20)}},
	}
	sent := sending(ctx, session, "go.bodies", messages...)
	for _, message := range messages {
		got := must(receiver.Receive(ctx, nil))
		same(nil, receiver.AcceptMessage(ctx, got))
		same(message.Value, got.Value)
		same(message.Sequence, got.Sequence)
		same(message.Data, got.Data)
	}
	same(nil, <-sent)
}

func outcomes(ctx context.Context, _ *amqp.Conn, session *amqp.Session) {
	same(nil, <-sending(ctx, session, "routed.accepted", amqp.NewMessage([]byte("x"))))
	rejected := <-sending(ctx, session, "routed.rejected", amqp.NewMessage([]byte("x")))
	if rejected == nil || !strings.Contains(rejected.Error(), "not wanted") {
		panic(fmt.Sprint("rejected: ", rejected))
	}
	// Send itself reports only rejections.
	sender := must(session.NewSender(ctx, "routed.released", nil))
	receipt := must(sender.SendWithReceipt(ctx, amqp.NewMessage([]byte("x")), nil))
	if state, ok := must(receipt.Wait(ctx)).(*amqp.StateReleased); !ok {
		panic(fmt.Sprintf("released: %T", state))
	}
}

func again(ctx context.Context, _ *amqp.Conn, session *amqp.Session) {
	receiver := must(session.NewReceiver(ctx, "go.again", nil))
	sent := sending(ctx, session, "go.again", amqp.NewMessage([]byte("x")))
	first := must(receiver.Receive(ctx, nil))
	same(nil, receiver.ReleaseMessage(ctx, first))
	second := must(receiver.Receive(ctx, nil))
	same(nil, receiver.ModifyMessage(ctx, second, &amqp.ModifyMessageOptions{DeliveryFailed: true}))
	third := must(receiver.Receive(ctx, nil))
	same(uint32(1), third.Header.DeliveryCount)
	same(nil, receiver.RejectMessage(ctx, third, &amqp.Error{Condition: "my:error", Description: "no"}))
	if err := <-sent; err == nil || !strings.Contains(err.Error(), "my:error") {
		panic(fmt.Sprint("rejected: ", err))
	}
}

func dynamic(ctx context.Context, conn *amqp.Conn, session *amqp.Session) {
	receiver := must(session.NewReceiver(ctx, "", &amqp.ReceiverOptions{DynamicAddress: true}))
	answering := must(conn.NewSession(ctx, nil))
	same(nil, <-sending(ctx, answering, receiver.Address(), amqp.NewMessage([]byte("reply"))))
	got := must(receiver.Receive(ctx, nil))
	same("reply", string(got.GetData()))
	same(nil, receiver.AcceptMessage(ctx, got))
}

func topic(ctx context.Context, conn *amqp.Conn, session *amqp.Session) {
	one := must(session.NewReceiver(ctx, "jms.events.#", &amqp.ReceiverOptions{SettlementMode: amqp.ReceiverSettleModeSecond.Ptr()}))
	two := must(must(conn.NewSession(ctx, nil)).NewReceiver(ctx, "jms.events.go", nil))
	sent := sending(ctx, session, "jms.events.go", amqp.NewMessage([]byte("x")))
	for _, receiver := range []*amqp.Receiver{one, two} {
		got := must(receiver.Receive(ctx, nil))
		same("x", string(got.GetData()))
		same(nil, receiver.AcceptMessage(ctx, got))
	}
	same(nil, <-sent)
}

// credit: a receiver that asks for one message at a time gets no more than that, in both settle modes.
func credit(ctx context.Context, conn *amqp.Conn, session *amqp.Session) {
	for _, mode := range []amqp.ReceiverSettleMode{amqp.ReceiverSettleModeFirst, amqp.ReceiverSettleModeSecond} {
		options := &amqp.ReceiverOptions{Credit: -1, SettlementMode: mode.Ptr()}
		receiver := must(session.NewReceiver(ctx, "go.credit", options))
		sent := sending(ctx, must(conn.NewSession(ctx, nil)), "go.credit",
			amqp.NewMessage([]byte("0")), amqp.NewMessage([]byte("1")), amqp.NewMessage([]byte("2")))
		for n := 0; n < 3; n++ {
			if receiver.Prefetched() != nil {
				panic("a message came without credit")
			}
			same(nil, receiver.IssueCredit(1))
			got := must(receiver.Receive(ctx, nil))
			same(fmt.Sprint(n), string(got.GetData()))
			same(nil, receiver.AcceptMessage(ctx, got))
		}
		same(nil, <-sent)
		same(nil, receiver.IssueCredit(5))
		same(nil, receiver.DrainCredit(ctx, nil))
		same(nil, receiver.Close(ctx))
	}
}

// requestReply: a server answers on an anonymous link to the dynamic address that requests name.
func requestReply(ctx context.Context, conn *amqp.Conn, session *amqp.Session) {
	serving := must(conn.NewSession(ctx, nil))
	requests := must(serving.NewReceiver(ctx, "go.requests", nil))
	replies := must(serving.NewSender(ctx, "", nil))
	served := make(chan error, 1)
	go func() {
		for n := 0; n < 10; n++ {
			request, err := requests.Receive(ctx, nil)
			if err == nil {
				reply := amqp.NewMessage(append([]byte("re: "), request.GetData()...))
				reply.Properties = &amqp.MessageProperties{To: request.Properties.ReplyTo, CorrelationID: request.Properties.MessageID}
				err = replies.Send(ctx, reply, nil)
			}
			if err == nil {
				err = requests.AcceptMessage(ctx, request)
			}
			if err != nil {
				served <- err
				return
			}
		}
		served <- nil
	}()
	receiver := must(session.NewReceiver(ctx, "", &amqp.ReceiverOptions{DynamicAddress: true}))
	address := receiver.Address()
	sender := must(session.NewSender(ctx, "go.requests", nil))
	for n := 0; n < 10; n++ {
		request := amqp.NewMessage([]byte(fmt.Sprint(n)))
		request.Properties = &amqp.MessageProperties{MessageID: uint64(n), ReplyTo: &address}
		same(nil, sender.Send(ctx, request, nil))
		got := must(receiver.Receive(ctx, nil))
		same(fmt.Sprint("re: ", n), string(got.GetData()))
		same(uint64(n), got.Properties.CorrelationID)
		same(nil, receiver.AcceptMessage(ctx, got))
	}
	same(nil, <-served)
}

func refusals(ctx context.Context, _ *amqp.Conn, session *amqp.Session) {
	_, err := session.NewReceiver(ctx, "routed.accepted", nil)
	var refused *amqp.Error
	if !errors.As(err, &refused) || refused.Condition != amqp.ErrCondResourceLocked {
		panic(fmt.Sprint("a route's queue: ", err))
	}
	filtered := &amqp.ReceiverOptions{Filters: []amqp.LinkFilter{amqp.NewSelectorFilter("a =")}}
	if _, err = session.NewReceiver(ctx, "go.filter", filtered); err == nil {
		panic("a malformed selector was taken")
	}
	same(nil, <-sending(ctx, session, "routed.accepted", amqp.NewMessage([]byte("still there"))))
}

func main() {
	url = "amqp://127.0.0.1:" + os.Args[1]
	check("every type", types)
	check("every body", bodies)
	check("outcomes", outcomes)
	check("release, modify, reject", again)
	check("dynamic receiver", dynamic)
	check("topic with two receivers, one settling second", topic)
	check("credit one by one, settling first and second", credit)
	check("request and reply", requestReply)
	check("refusals", refusals)
	if failed {
		os.Exit(1)
	}
}
