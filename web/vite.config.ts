import { defineConfig } from "vite";

// `npm run dev` serves the sources and passes the rest to a running `tapeline serve`.
const tapeline = process.env["TAPELINE_ADDRESS"] ?? "127.0.0.1:8787";

export default defineConfig({
  build: { target: "es2022", assetsInlineLimit: 0, sourcemap: false, reportCompressedSize: false },
  // What others ask to be named for stays in the files.
  esbuild: { legalComments: "inline" },
  server: {
    proxy: {
      "/v1/stream": { target: `ws://${tapeline}`, ws: true },
      "/v1": `http://${tapeline}`,
    },
  },
});
