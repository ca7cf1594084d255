package tunnel

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// ask opens a tunnel to a proxy that answers so, whatever it is asked.
func ask(ctx context.Context, t *testing.T, answer string) (net.Conn, error) {
	t.Helper()
	ours, theirs := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer theirs.Close()
		if _, err := http.ReadRequest(bufio.NewReader(theirs)); err == nil {
			io.WriteString(theirs, answer)
		}
	}()
	t.Cleanup(func() {
		ours.Close()
		<-done
	})
	return Open(ctx, ours, "provider.example:443", nil)
}

func TestAnswersOfProxies(t *testing.T) {
	tests := map[string]struct{ answer, want string }{
		"forbidden":      {"HTTP/1.1 403 Forbidden\r\nContent-Length: 12\r\n\r\nnot\nfor you\n", "refused with 403: not"},
		"no answer":      {"", "EOF"},
		"no HTTP":        {"SSH-2.0-x\r\n\r\n", "malformed"},
		"an endless one": {"HTTP/1.1 502 Bad\r\n\r\n" + strings.Repeat("x", 2048), "refused with 502: " + strings.Repeat("x", 512)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			conn, err := ask(t.Context(), t, tt.answer)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Open = %v, %v, want an error with %q", conn, err, tt.want)
			}
		})
	}
}

func TestARefusalTellsItsStatus(t *testing.T) {
	_, err := ask(t.Context(), t, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
	var refused *RefusedError
	if !errors.As(err, &refused) || refused.Status != 407 || refused.Address != "provider.example:443" {
		t.Errorf("error %v, want a refusal with 407", err)
	}
}

func TestBytesThatComeWithTheAnswerAreNotLost(t *testing.T) {
	conn, err := ask(t.Context(), t, "HTTP/1.1 200 OK\r\n\r\nserver speaks first")
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if err != nil || string(got) != "server speaks first" {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestAskingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ours, theirs := net.Pipe()
	defer theirs.Close()
	if _, err := Open(ctx, ours, "provider.example:443", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	if _, err := ours.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the connection is still open: %v", err)
	}
}
