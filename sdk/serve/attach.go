package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/internal/link"
)

// attachDir is how the directories of sockets to attach to are called.
const attachDir = "connector-attach-"

// dialBound bounds the question whether another process serves under the same file.
const dialBound = time.Second

// attach serves c to whoever this user lets attach, until SIGINT or SIGTERM, and
// returns the exit code. It is for a process that a person started, so it logs in text,
// and it outlives the hosts that come and go.
func attach(c sdk.Connector, file string, stderr *os.File) int {
	slog.SetDefault(slog.New(newLayered(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelDebug}), nil)))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serveAttached(ctx, newServer(c), file, stderr); err != nil {
		fmt.Fprintf(stderr, "serving for %s=%s: %v\n", link.AttachKey, file, err)
		return 1
	}
	return 0
}

// serveAttached serves s on a socket of its own and says in file where that is, until
// ctx ends.
func serveAttached(ctx context.Context, s *server, file string, stderr io.Writer) (err error) {
	g := s.newGRPC(nil)
	if err := s.GRPCServer(nil, g); err != nil {
		return err
	}
	file, err = filepath.Abs(file)
	if err != nil {
		return err
	}
	if err := clearAttachment(ctx, file); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", attachDir) // 0700
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	socket := filepath.Join(dir, "connector.sock")
	listener, err := new(net.ListenConfig).Listen(ctx, "unix", socket)
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	var serveErr error // set before ended is closed
	go func() {
		defer close(ended)
		if err := g.Serve(listener); !errors.Is(err, grpc.ErrServerStopped) { // before it began
			serveErr = err
		}
	}()
	defer func() {
		s.stop()
		<-ended
		err = errors.Join(err, serveErr)
	}()
	told := link.Attachment{PID: os.Getpid(), Socket: socket, Contract: sdk.ContractVersion}
	if err := writeAttachment(file, told); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, removeAttachment(file, told)) }()
	fmt.Fprintf(stderr, `
FOR DEBUGGING ONLY: process %d serves without TLS and without a host to watch it.
Whoever is this user on this machine can call it. To take payments with it:

  connectord dev --attach %s

`, told.PID, file)
	select {
	case <-ctx.Done():
	case <-ended:
	}
	return nil
}

// clearAttachment removes what a process left behind that was killed, and refuses to
// serve under the file of one that lives.
func clearAttachment(ctx context.Context, file string) error {
	old, err := readAttachment(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("there is a file of that name already, and it is not ours: %w", err)
	}
	bounded, cancel := context.WithTimeout(ctx, dialBound)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(bounded, "unix", old.Socket)
	if err == nil {
		return errors.Join(fmt.Errorf("process %d serves under that file already", old.PID), conn.Close())
	}
	if strings.HasPrefix(filepath.Base(filepath.Dir(old.Socket)), attachDir) {
		// Nothing but the socket was ever in it; whatever else there is stays.
		_ = os.Remove(old.Socket)
		_ = os.Remove(filepath.Dir(old.Socket))
	}
	return os.Remove(file)
}

func readAttachment(file string) (link.Attachment, error) {
	var a link.Attachment
	f, err := os.Open(file)
	if err != nil {
		return a, err
	}
	raw, err := io.ReadAll(io.LimitReader(f, link.MaxAttachment))
	if err := errors.Join(err, f.Close()); err != nil {
		return a, err
	}
	err = json.Unmarshal(raw, &a)
	if err == nil && a.Socket == "" {
		err = errors.New("it names no socket")
	}
	return a, err
}

// writeAttachment writes the file whole or not at all, for this user alone.
func writeAttachment(file string, a link.Attachment) error {
	raw, err := json.Marshal(a)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".attach-*") // 0600
	if err != nil {
		return err
	}
	_, err = tmp.Write(append(raw, '\n'))
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}

// removeAttachment removes the file unless another process has put its own there.
func removeAttachment(file string, ours link.Attachment) error {
	now, err := readAttachment(file)
	if errors.Is(err, os.ErrNotExist) || (err == nil && now != ours) {
		return nil
	}
	return errors.Join(err, os.Remove(file))
}
