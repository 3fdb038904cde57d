export * as UndiciHttpClient from "./UndiciHttpClient.ts"
