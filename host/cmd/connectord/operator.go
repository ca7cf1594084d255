package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"
)

// operatorTimeout bounds one request to the operators' API: a swap that drains takes
// its time.
const operatorTimeout = 90 * time.Second

// operator is how commands reach a running daemon.
type operator struct {
	Admin     string `help:"Address of the operators' API." default:"http://127.0.0.1:8081" placeholder:"URL"`
	TokenFile string `help:"File with the operators' token." default:".data/dev/admin.token" placeholder:"FILE" type:"path"`
	Output    string `help:"What to print: ${enum}." enum:"text,json" default:"text"`
}

// AfterApply hands the flags to the subcommands.
func (o *operator) AfterApply(k *kong.Context) error {
	k.Bind(o)
	return nil
}

// ask makes one request and returns the answer as it is.
func (o operator) ask(ctx context.Context, method, path string, body io.Reader) (json.RawMessage, error) {
	return o.askAs(ctx, method, path, "", body)
}

// upload sends a binary: alone, or after its certificate.
func (o operator) upload(ctx context.Context, path string, cert []byte, binary io.Reader) (json.RawMessage, error) {
	if cert == nil {
		return o.ask(ctx, http.MethodPost, path, binary)
	}
	var head bytes.Buffer
	form := multipart.NewWriter(&head)
	part, err := form.CreateFormFile("certificate", "certificate")
	if err == nil {
		_, err = part.Write(cert)
	}
	if err == nil {
		_, err = form.CreateFormFile("connector", "connector")
	}
	if err != nil {
		return nil, err
	}
	tail := "\r\n--" + form.Boundary() + "--\r\n"
	return o.askAs(ctx, http.MethodPost, path, form.FormDataContentType(), io.MultiReader(&head, binary, strings.NewReader(tail)))
}

func (o operator) askAs(ctx context.Context, method, path, kind string, body io.Reader) (json.RawMessage, error) {
	token, err := os.ReadFile(o.TokenFile)
	if err != nil {
		return nil, fmt.Errorf("reading the operators' token: %w (--token-file names it)", err)
	}
	ctx, cancel := context.WithTimeout(ctx, operatorTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(o.Admin, "/")+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w (is connectord running? --admin says where)", err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 32<<20))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if res.StatusCode >= http.StatusBadRequest {
		var told struct {
			Error string `json:"error"`
		}
		if json.Unmarshal(raw, &told) == nil && told.Error != "" {
			return nil, errors.New(told.Error)
		}
		return nil, fmt.Errorf("%s %s: %s", method, path, res.Status)
	}
	return raw, nil
}

// send makes a request with a JSON body.
func (o operator) send(ctx context.Context, method, path string, body any) (json.RawMessage, error) {
	if body == nil {
		return o.ask(ctx, method, path, nil)
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return o.ask(ctx, method, path, bytes.NewReader(raw))
}

// print prints an answer: as it is, or as text says.
func (o operator) print(w *world, raw json.RawMessage, text func(*tabwriter.Writer, map[string]any)) error {
	if o.Output == "json" {
		_, err := fmt.Fprintf(w.stdout, "%s\n", bytes.TrimSpace(raw))
		return err
	}
	var answer map[string]any
	if err := json.Unmarshal(raw, &answer); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	table := tabwriter.NewWriter(w.stdout, 0, 4, 2, ' ', 0)
	text(table, answer)
	return table.Flush()
}

// list prints rows of the named columns.
func list(columns ...string) func(*tabwriter.Writer, map[string]any) {
	return func(t *tabwriter.Writer, answer map[string]any) {
		fmt.Fprintln(t, strings.ToUpper(strings.Join(columns, "\t")))
		rows, _ := answer["items"].([]any)
		for _, row := range rows {
			var cells []string
			for _, c := range columns {
				cells = append(cells, cell(at(row, c)))
			}
			fmt.Fprintln(t, strings.Join(cells, "\t"))
		}
	}
}

// facts prints the named fields, a line each.
func facts(names ...string) func(*tabwriter.Writer, map[string]any) {
	return func(t *tabwriter.Writer, answer map[string]any) {
		for _, name := range names {
			if value := cell(at(answer, name)); value != "" {
				fmt.Fprintf(t, "%s\t%s\n", name, value)
			}
		}
	}
}

// cell shows a value in a table.
func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		if len(v) == 64 { // a digest; its beginning names it
			return v[:12]
		}
		return v
	case float64:
		return fmt.Sprintf("%.0f", v)
	case []any:
		var parts []string
		for _, part := range v {
			parts = append(parts, cell(part))
		}
		return strings.Join(parts, " ")
	case map[string]any:
		raw, _ := json.Marshal(v) // it came from JSON
		return string(raw)
	}
	return fmt.Sprint(v)
}

func segment(s string) string { return url.PathEscape(s) }
