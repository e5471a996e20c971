"""How values are written for people and read from them. Pure.

people ──quantities, keys, urls, patterns──▶ values        values ──words, tables, plain, runs──▶ people
"""
