// The OTLP receiver of the OpenTelemetry Collector on a free port of this machine, for the tests. The first line on
// standard output is its address, each further one an export request as the Collector understood it, in JSON.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
)

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// The Collector does not tell which port it was given, so a free one is looked for first.
func freeAddress() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	fail(err)
	defer listener.Close()
	return listener.Addr().String()
}

func main() {
	ctx := context.Background()
	lines := make(chan string, 1024)
	traces, err := consumer.NewTraces(func(_ context.Context, traces ptrace.Traces) error {
		text, err := (&ptrace.JSONMarshaler{}).MarshalTraces(traces)
		lines <- string(text)
		return err
	})
	fail(err)
	factory := otlpreceiver.NewFactory()
	address := freeAddress()
	config := factory.CreateDefaultConfig()
	wanted := map[string]any{"protocols": map[string]any{"http": map[string]any{"endpoint": address}}}
	fail(confmap.NewFromStringMap(wanted).Unmarshal(config))
	settings := receiver.Settings{ID: component.NewID(factory.Type()), TelemetrySettings: componenttest.NewNopTelemetrySettings()}
	server, err := factory.CreateTraces(ctx, settings, config, traces)
	fail(err)
	fail(server.Start(ctx, componenttest.NewNopHost()))
	fmt.Println(address)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	for {
		select {
		case line := <-lines:
			fmt.Println(line)
		case <-stop:
			fail(server.Shutdown(ctx))
			return
		}
	}
}
